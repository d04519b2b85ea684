-- renew: set the idle time of this consumer's tickets back to 0.
--
-- ARGV 1 group   2 consumer   then entry ids
-- Returns the entry ids that are still this consumer's. Never takes one that is not.

local group, consumer, mine = ARGV[1], ARGV[2], {}
for at = 3, #ARGV do
  if owns(group, ARGV[at], consumer) then mine[#mine + 1] = ARGV[at] end
end
for from = 1, #mine, CHUNK do
  local ids = {unpack(mine, from, math.min(from + CHUNK - 1, #mine))}
  ids[#ids + 1] = 'JUSTID'
  redis.call('XCLAIM', stream, group, consumer, 0, unpack(ids))
end
return mine
