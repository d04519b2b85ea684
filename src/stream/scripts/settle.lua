-- settle: take finished tickets off the stream with their raw mails, count them, and write the notes.
--
-- ARGV 1 group   2 consumer   3 length of the notes' stream (0 writes none)
--      then for each ticket: entry id, envelope id, note ("" writes none)
-- Returns how many were still this consumer's. Others are left to whoever holds them.

local TICKET_ARGUMENTS = 3
local group, consumer, notes_length = ARGV[1], ARGV[2], tonumber(ARGV[3])

-- `done` are the entries to take off; of those, `ids` are the mails that are done with. A second copy of a mail that is
-- elsewhere is only taken off.
local done, ids, raws, notes, bytes, foreign = {}, {}, {}, {}, 0, 0
for at = 4, #ARGV, TICKET_ARGUMENTS do
  local entry_id, id = ARGV[at], ARGV[at + 1]
  if owns(group, entry_id, consumer) then
    done[#done + 1] = entry_id
    local place, reference, size = whereabouts(id)
    if not place or (place == 'live' and reference == entry_id) then
      ids[#ids + 1], raws[#raws + 1], notes[#notes + 1] = id, raw_key(id), ARGV[at + 2]
      bytes = bytes + size
      if not place then foreign = foreign + 1 end
    end
  end
end
if #done == 0 then return 0 end

-- Frees first and forgets the entry last, see _shared.lua.
free_first()
call_many('HDEL', ledger, ids)
call_many('HDEL', crashes, ids)
count('settled', #ids)
count('raw_bytes', -bytes)
count('foreign', foreign)
count('stale', #done - #ids)
for from = 1, #done, CHUNK do
  local to = math.min(from + CHUNK - 1, #done)
  redis.call('XACK', stream, group, unpack(done, from, to))
  redis.call('XDEL', stream, unpack(done, from, to))
end
for from = 1, #raws, CHUNK do redis.call('UNLINK', unpack(raws, from, math.min(from + CHUNK - 1, #raws))) end
if notes_length > 0 then
  for _, note in ipairs(notes) do
    if note ~= '' then redis.call('XADD', processed, 'MAXLEN', '~', notes_length, '*', 'note', note) end
  end
end
return #done
