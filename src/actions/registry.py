"""The table of actions: what may stand under `then`. One line an action."""

from collections.abc import Mapping

from src.actions.action import Action
from src.actions.tag import Tag

ACTIONS: Mapping[str, type[Action]] = {
    "tag": Tag,
}
