-- purge: delete dead letters and their raw mails for good, and forget their ids, so that the source may bring them again.
--
-- ARGV entry ids of the dead-letter stream
-- Returns how many. Of a second copy of a mail that is elsewhere (see _shared.lua) only the letter is deleted.

local purged, freed = 0, 0
for _, dead_id in ipairs(ARGV) do
  local fields = fields_at(dead, dead_id)
  if fields then
    local id = field(fields, 'id') or ''
    local is_second = is_second_letter(id, dead_id)
    drop_letter(dead_id, fields)
    if not is_second then
      redis.call('UNLINK', raw_key(id))
      local _, _, bytes = whereabouts(id)
      redis.call('HDEL', ledger, id)
      redis.call('ZREM', known, id)
      freed = freed + bytes
      purged = purged + 1
    end
  end
end
count('purged', purged)
count('dead_bytes', -freed)
return purged
