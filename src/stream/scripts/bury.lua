-- bury: move one ticket from this consumer's hands to the dead letters; its raw mail stays.
--
-- ARGV 1 group   2 consumer   3 entry id   4 code   5 error
-- Returns 1; 0 when the ticket is not this consumer's any more, or only a second copy of a mail that is elsewhere.

local group, consumer, entry_id = ARGV[1], ARGV[2], ARGV[3]
if not owns(group, entry_id, consumer) then return 0 end
local fields = fields_at(stream, entry_id)
if not fields then
  redis.call('XACK', stream, group, entry_id) -- deleted by hand: the audit of the ledger finds and counts it
  return 0
end
local attempts = text((tonumber(field(fields, 'attempt')) or 0) + 1)
return bury_entry(group, entry_id, fields, ARGV[4], ARGV[5], attempts) and 1 or 0
