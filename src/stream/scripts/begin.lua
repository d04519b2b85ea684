-- begin: say that a consumer starts on a suspect, or which process bears its name (see `lives`).
--
-- ARGV 1 "begun" or "lives"   2 consumer   3 envelope id, or the process's own token
-- Frees first, see _shared.lua: a full Redis must not keep workers from their work.

local place = ARGV[1] == 'begun' and begun or lives
redis.call('HDEL', place, ARGV[2])
redis.call('HSET', place, ARGV[2], ARGV[3])
return 1
