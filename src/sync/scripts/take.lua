-- take: ask for a turn to make one call to the Gmail API. All processes of an account ask here.
--
-- KEYS 1 pace: HASH of
--          free_at                 when the next call may leave, µs; every call moves it on by its cost
--          backfill_at, census_at  the same for one use alone, which has a share of the pace only
--          live_at                 when live mail asked last, µs
--          paused_until, throttled_at, strikes   see pause.lua
--          minute, used, used_before             units taken in this minute and the one before, for the gauge
--      2 calls: ZSET of turns by when they lapse, µs: the calls under way
-- ARGV 1 use: live, backfill, census   2 units   3 units of a usual call   4 µs a unit
--      5 share of the pace for this use   6 its share while live mail asks
--      7 furthest ahead that a turn is given, µs   8 most calls under way   9 name of the turn
--     10 time until the turn lapses, µs   11 time now, µs ("": the server's)
--     12… names of turns given back, since their calls are over
-- Returns {verdict, µs, units taken in the last minute}. The µs say: granted, wait and then call; later, paused or
-- full, wait and then ask again.

local pace, calls = KEYS[1], KEYS[2]
local use, units, usual, us_a_unit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local share, share_while_live = tonumber(ARGV[5]), tonumber(ARGV[6])
local ahead_us, most_calls, turn, lapse_us = tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9], tonumber(ARGV[10])

local TTL_MS = 7200000 -- of both keys; longer than the longest pause
local LULL_US = 2000000 -- live mail counts as asking for so long after it asked
local FULL_US = 20000 -- wait before asking again when too many calls are under way
local MINUTE_US = 60000000
local MAX_AHEAD_US = 600000000 -- beyond it, the server's clock was set back: what it says of before is void

-- Numbers above 2^31 would otherwise be written as 1.7e+15.
local function text(number) return string.format('%.0f', number) end

local function now_us()
  if ARGV[11] ~= '' then return tonumber(ARGV[11]) end
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000000 + tonumber(t[2])
end

redis.call('DEL', KEYS[3]) -- always empty: what begins by freeing passes even when Redis is at its memory limit
if #ARGV > 11 then redis.call('ZREM', calls, unpack(ARGV, 12)) end
local now = now_us()
local own_field = use .. '_at'
local state = redis.call('HMGET', pace, 'free_at', own_field, 'live_at', 'paused_until', 'minute', 'used', 'used_before')

local function instant(value)
  local at = tonumber(value or 0)
  return at > now + MAX_AHEAD_US and now or at
end
local free_at, own_at, live_at = instant(state[1]), instant(state[2]), instant(state[3])
local paused_until = tonumber(state[4] or 0)
local minute, used, used_before = tonumber(state[5] or 0), tonumber(state[6] or 0), tonumber(state[7] or 0)

local this_minute = math.floor(now / MINUTE_US)
if minute ~= this_minute then
  used_before = (minute == this_minute - 1) and used or 0
  used = 0
end
local function answer(verdict, wait_us)
  local passed = (now % MINUTE_US) / MINUTE_US
  return {verdict, text(math.max(0, math.ceil(wait_us))), text(used + used_before * (1 - passed))}
end

if paused_until > now then return answer('paused', paused_until - now) end

redis.call('ZREMRANGEBYSCORE', calls, '-inf', text(now))
redis.call('ZREMRANGEBYSCORE', calls, '(' .. text(now + MAX_AHEAD_US + lapse_us), '+inf')
local room = most_calls
if use ~= 'live' and room > 1 then room = room - 1 end -- one place is kept for live mail
if redis.call('ZCARD', calls) >= room then return answer('full', FULL_US) end

local begin = math.max(now, free_at)
if use ~= 'live' then
  begin = math.max(begin, own_at)
  if now - live_at < LULL_US then share = math.min(share, share_while_live) end
end
if begin > now + ahead_us then return answer('later', begin - now - ahead_us) end

-- A call dearer than usual waits for its own excess beforehand, since a window may end right behind it.
begin = begin + math.max(0, units - usual) * us_a_unit
free_at = begin + units * us_a_unit
own_at = (use == 'live') and now or begin + units * us_a_unit / share
used = used + units
redis.call('HSET', pace, 'free_at', text(math.ceil(free_at)), own_field, text(math.ceil(own_at)),
  'minute', text(this_minute), 'used', text(used), 'used_before', text(used_before))
redis.call('ZADD', calls, text(begin + lapse_us), turn)
redis.call('PEXPIRE', pace, TTL_MS)
redis.call('PEXPIRE', calls, TTL_MS)
return answer('granted', begin - now)
