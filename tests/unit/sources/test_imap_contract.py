"""The IMAP source keeps the contract of sources, against a server in memory of each kind."""

from dataclasses import replace

import pytest

from src.sources.imap.source import ImapSource
from tests.contracts.source_contract import SourceContract
from tests.fakes.imap_mailbox import PROFILES, Profile
from tests.fakes.pipeline_model import PipelineModel
from tests.unit.sources.imap_reading import SMALL, Reader, a_server


@pytest.fixture(params=PROFILES, ids=lambda profile: profile.name)
def source(request: pytest.FixtureRequest) -> ImapSource:
    profile: Profile = request.param
    return Reader(a_server(profile, mails=7), PipelineModel()).source


@pytest.fixture(params=PROFILES, ids=lambda profile: profile.name)
def slicing_source(request: pytest.FixtureRequest) -> ImapSource:
    profile: Profile = request.param
    limits = replace(SMALL, spool_bytes=10)
    return Reader(a_server(profile, mails=1), PipelineModel(), limits=limits).source


class TestImapSource(SourceContract):
    """See SourceContract."""
