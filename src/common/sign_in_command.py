"""The command by which a person signs in, as every message writes it that asks for that.

One text for all, since the places that notice do not know whether the account is one of several, and no message may
hold its name.
"""

AUTH_SETUP = "`python producer.py --auth-setup` (of several accounts: with `--account NAME`)"
