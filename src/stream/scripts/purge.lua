-- purge: delete dead letters and their raw mails for good, and forget their ids, so that the source may bring them again.
--
-- ARGV entry ids of the dead-letter stream
-- Returns how many.

local purged, freed = 0, 0
for _, dead_id in ipairs(ARGV) do
  local fields = fields_at(dead, dead_id)
  if fields then
    local id = field(fields, 'id') or ''
    redis.call('XDEL', dead, dead_id)
    redis.call('UNLINK', raw_key(id))
    local code = field(fields, 'code') or ''
    if redis.call('HINCRBY', dead_codes, code, -1) <= 0 then redis.call('HDEL', dead_codes, code) end
    local _, _, bytes = whereabouts(id)
    redis.call('HDEL', ledger, id)
    redis.call('ZREM', known, id)
    freed = freed + bytes
    purged = purged + 1
  end
end
count('purged', purged)
count('dead_bytes', -freed)
return purged
