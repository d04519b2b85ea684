-- settle: take finished tickets off the stream with their raw mails, count them, and write the notes.
--
-- ARGV 1 group   2 consumer   3 length of the notes' stream (0 writes none)
--      then for each ticket: entry id, envelope id, note ("" writes none)
-- Returns how many were still this consumer's. Others are left to whoever holds them.

local TICKET_ARGUMENTS = 3
local group, consumer, notes_length = ARGV[1], ARGV[2], tonumber(ARGV[3])

local entry_ids, ids, raws, notes = {}, {}, {}, {}
for at = 4, #ARGV, TICKET_ARGUMENTS do
  if owns(group, ARGV[at], consumer) then
    local mine = #ids + 1
    entry_ids[mine], ids[mine], raws[mine], notes[mine] = ARGV[at], ARGV[at + 1], raw_key(ARGV[at + 1]), ARGV[at + 2]
  end
end
if #ids == 0 then return 0 end

-- Frees first, see _shared.lua.
for from = 1, #ids, CHUNK do
  local to = math.min(from + CHUNK - 1, #ids)
  redis.call('XACK', stream, group, unpack(entry_ids, from, to))
  redis.call('XDEL', stream, unpack(entry_ids, from, to))
  redis.call('UNLINK', unpack(raws, from, to))
end

local bytes, in_ledger = 0, 0
for from = 1, #ids, CHUNK do
  for _, told in ipairs(redis.call('HMGET', ledger, unpack(ids, from, math.min(from + CHUNK - 1, #ids)))) do
    if told then
      in_ledger = in_ledger + 1
      bytes = bytes + tonumber(string.match(told, '(%d+)$'))
    end
  end
end
call_many('HDEL', ledger, ids)
call_many('HDEL', crashes, ids)

count('settled', #ids)
count('raw_bytes', -bytes)
count('foreign', #ids - in_ledger)
if notes_length > 0 then
  for _, note in ipairs(notes) do
    if note ~= '' then redis.call('XADD', processed, 'MAXLEN', '~', notes_length, '*', 'note', note) end
  end
end
return #ids
