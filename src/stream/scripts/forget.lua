-- forget: acknowledge a pending entry that was deleted by hand.
--
-- ARGV 1 group   2 entry id
-- Returns 1; 0 when it was not pending any more.

local forgotten = redis.call('XACK', stream, ARGV[1], ARGV[2])
count('deleted_pending', forgotten)
return forgotten
