-- hand_back: put tickets that were not begun back at the end of the stream, new for any reader.
--
-- ARGV 1 group   2 consumer   then entry ids
-- Returns how many.

local group, consumer, handed_back = ARGV[1], ARGV[2], 0
for at = 3, #ARGV do
  local fields = owns(group, ARGV[at], consumer) and fields_at(stream, ARGV[at])
  local id = fields and field(fields, 'id') or ''
  if fields and is_stale(id, ARGV[at]) then
    drop_stale(group, ARGV[at])
  elseif fields then
    free_first()
    local entry_id = add_again(fields, field(fields, 'attempt') or '0', redis.call('HGET', crashes, id) or '0')
    local place, _, bytes = whereabouts(id)
    if place then redis.call('HSET', ledger, id, 'live ' .. entry_id .. ' ' .. text(bytes)) end
    redis.call('XACK', stream, group, ARGV[at])
    redis.call('XDEL', stream, ARGV[at])
    handed_back = handed_back + 1
  end
end
count('handed_back', handed_back)
return handed_back
