-- replay: put dead letters back on the stream with their counters reset. Passes the dedup: their ids are on the ledger.
--
-- ARGV entry ids of the dead-letter stream
-- Returns how many. One whose raw mail is missing stays dead; one that is not there any more counts for nothing.

local replayed, moved_bytes = 0, 0
for _, dead_id in ipairs(ARGV) do
  local fields = fields_at(dead, dead_id)
  local id = fields and field(fields, 'id')
  local needs_raw = fields and field(fields, 'kind') == 'added'
  if id and not (needs_raw and redis.call('EXISTS', raw_key(id)) == 0) then
    free_first()
    local _, _, bytes = whereabouts(id)
    local entry_id = add_again(fields, '0', '0')
    redis.call('HSET', ledger, id, 'live ' .. entry_id .. ' ' .. text(bytes))
    redis.call('XDEL', dead, dead_id)
    local code = field(fields, 'code') or ''
    if redis.call('HINCRBY', dead_codes, code, -1) <= 0 then redis.call('HDEL', dead_codes, code) end
    redis.call('HDEL', crashes, id)
    moved_bytes = moved_bytes + bytes
    replayed = replayed + 1
  end
end
count('replayed', replayed)
count('raw_bytes', moved_bytes)
count('dead_bytes', -moved_bytes)
return replayed
