-- promote: put retries that are due by the server's clock back on the stream.
--
-- ARGV 1 most at once
-- Returns how many.

local due = redis.call('ZRANGEBYSCORE', retry, '-inf', text(now_ms()), 'LIMIT', 0, ARGV[1])
local promoted = 0
for _, id in ipairs(due) do
  local held = redis.call('HGET', retry_tickets, id)
  local place, _, bytes = whereabouts(id)
  free_first()
  if held and (place == 'retry' or not place and not is_done(id, place)) then
    local fields = cjson.decode(held)
    local crash_count = redis.call('HGET', crashes, id) or '0'
    local entry_id = add_again(fields, field(fields, 'attempt') or '0', crash_count)
    redis.call('HSET', ledger, id, 'live ' .. entry_id .. ' ' .. text(bytes))
    promoted = promoted + 1
  elseif held then
    count('stale', 1)
  elseif place == 'retry' then
    forget_lost(id, place, bytes) -- its ticket was deleted by hand
  end
  redis.call('ZREM', retry, id)
  redis.call('HDEL', retry_tickets, id)
end
count('promoted', promoted)
return promoted
