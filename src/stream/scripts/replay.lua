-- replay: put dead letters back on the stream with their counters reset. Passes the dedup: their ids are on the ledger.
--
-- ARGV entry ids of the dead-letter stream
-- Returns how many. One whose raw mail is missing stays dead; one that is not there any more counts for nothing, and
-- neither does a second copy of a mail that is elsewhere (see _shared.lua), which is dropped.

local replayed, moved_bytes = 0, 0
for _, dead_id in ipairs(ARGV) do
  local fields = fields_at(dead, dead_id)
  local id = fields and field(fields, 'id')
  local needs_raw = fields and field(fields, 'kind') == 'added'
  if id and is_second_letter(id, dead_id) then
    drop_letter(dead_id, fields)
  elseif id and not (needs_raw and redis.call('EXISTS', raw_key(id)) == 0) then
    free_first()
    local _, _, bytes = whereabouts(id)
    local entry_id = add_again(fields, '0', '0')
    redis.call('HSET', ledger, id, 'live ' .. entry_id .. ' ' .. text(bytes))
    drop_letter(dead_id, fields)
    redis.call('HDEL', crashes, id)
    moved_bytes = moved_bytes + bytes
    replayed = replayed + 1
  end
end
count('replayed', replayed)
count('raw_bytes', moved_bytes)
count('dead_bytes', -moved_bytes)
return replayed
