-- stage: add one slice of a big mail to its staged list, which expires by itself. Idempotent: a slice that is there
-- already (its answer was lost) is not added twice.
--
-- ARGV 1 envelope id   2 position of the slice, 0-based (0 begins anew)   3 seconds until it expires   4 slice
-- Returns 1; 0 when the slices before it are gone.

local staged = stream .. ':staged:' .. ARGV[1]
local position = tonumber(ARGV[2])
if position == 0 then redis.call('UNLINK', staged) end
local length = redis.call('LLEN', staged)
if length < position then return 0 end
if length == position then redis.call('RPUSH', staged, ARGV[4]) end
redis.call('EXPIRE', staged, ARGV[3])
return 1
