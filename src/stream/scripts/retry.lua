-- retry: move one ticket from this consumer's hands to the retries, due after a delay by the server's clock.
--
-- ARGV 1 group   2 consumer   3 entry id   4 envelope id   5 delay, ms   6 code   7 error
--      8 errors to count: 1, or 0 when the surroundings failed and not the mail
-- Returns 1; 0 when the ticket is not this consumer's any more.

local group, consumer, entry_id, id = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if not owns(group, entry_id, consumer) then return 0 end
local fields = fields_at(stream, entry_id)
if not fields then
  redis.call('XACK', stream, group, entry_id) -- deleted by hand: the audit of the ledger finds and counts it
  return 0
end
if is_stale(id, entry_id) then
  drop_stale(group, entry_id)
  return 0
end

local place, _, bytes = whereabouts(id)
local kept = {}
for i = 1, #fields, 2 do
  if fields[i] ~= 'attempt' and fields[i] ~= 'code' and fields[i] ~= 'error' then
    kept[#kept + 1] = fields[i]
    kept[#kept + 1] = fields[i + 1]
  end
end
local attempt = tonumber(field(fields, 'attempt') or 0) + tonumber(ARGV[8])
for _, item in ipairs({'attempt', text(attempt), 'code', ARGV[6], 'error', ARGV[7]}) do kept[#kept + 1] = item end

free_first()
redis.call('HSET', retry_tickets, id, cjson.encode(kept))
redis.call('ZADD', retry, text(now_ms() + tonumber(ARGV[5])), id)
redis.call('HSET', ledger, id, 'retry - ' .. text(bytes))
redis.call('XACK', stream, group, entry_id)
redis.call('XDEL', stream, entry_id)
count('retried', 1)
if not place then count('foreign', 1) end
return 1
