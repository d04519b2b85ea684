-- take: ask for a turn to make one call to the Gmail API. All processes of an account ask here.
--
-- KEYS 1 pace: HASH of
--          free_at                 when the next call may leave, µs; every call moves it on by its cost. Where calls
--                                  are counted, it may lie in the past: what was missed since is caught up
--          next_at                 when the next call may leave at the quickest, µs, where calls are counted
--          backfill_at, census_at  the same for one use alone, which has a share of the pace only
--          live_at                 when live mail asked last, µs
--          paused_until, throttled_at, strikes   see pause.lua
--          minute, used, used_before             units taken in this minute and the one before, for the gauge
--      2 calls: ZSET of turns by when they lapse, µs: the calls under way
--      3 counted: ZSET of units:turn by when they leave, µs: the calls of the last window, where calls are counted
--      4 nothing: always empty
-- ARGV 1 use: live, backfill, census   2 units   3 units of a usual call   4 µs a unit
--      5 share of the pace for this use   6 its share while live mail asks
--      7 furthest ahead that a turn is given, µs   8 most calls under way   9 name of the turn
--     10 time until the turn lapses, µs   11 time now, µs ("": the server's)
--     12 units that a window may hold, 0: calls are not counted   13 length of that window, µs
--     14 µs a unit at the quickest, while catching up   15 most to catch up, µs
--     16… names of turns given back, since their calls are over
-- Returns {verdict, µs, units taken in the last minute}. The µs say: granted, wait and then call; later, paused or
-- full, wait and then ask again.

local pace, calls, counted = KEYS[1], KEYS[2], KEYS[3]
local use, units, usual, us_a_unit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local share, share_while_live = tonumber(ARGV[5]), tonumber(ARGV[6])
local ahead_us, most_calls, turn, lapse_us = tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9], tonumber(ARGV[10])
local window_units, window_us = tonumber(ARGV[12]), tonumber(ARGV[13])
local quickest_us_a_unit, catch_up_us = tonumber(ARGV[14]), tonumber(ARGV[15])

local TTL_MS = 7200000 -- of all keys; longer than the longest pause
local LULL_US = 750000 -- live mail counts as asking for so long after it asked; its calls follow each other more closely
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

redis.call('DEL', KEYS[4]) -- what begins by freeing passes even when Redis is at its memory limit
if #ARGV > 15 then redis.call('ZREM', calls, unpack(ARGV, 16)) end
local now = now_us()
local own_field = use .. '_at'
local state = redis.call('HMGET', pace, 'free_at', own_field, 'live_at', 'paused_until', 'minute', 'used',
  'used_before', 'next_at')

local function instant(value)
  local at = tonumber(value or 0)
  return at > now + MAX_AHEAD_US and now or at
end
local free_at, own_at, live_at, next_at = instant(state[1]), instant(state[2]), instant(state[3]), instant(state[8])
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

-- Return the first time from `at` on when the window that ends there has room for this call.
local function with_room(at)
  redis.call('ZREMRANGEBYSCORE', counted, '-inf', text(now - window_us))
  redis.call('ZREMRANGEBYSCORE', counted, '(' .. text(now + MAX_AHEAD_US), '+inf')
  local held = redis.call('ZRANGEBYSCORE', counted, '(' .. text(at - window_us), '+inf', 'WITHSCORES')
  local sum = units
  for i = 1, #held, 2 do sum = sum + tonumber(string.match(held[i], '^%d+')) end
  local oldest = 1
  while sum > window_units and oldest < #held do
    sum = sum - tonumber(string.match(held[oldest], '^%d+'))
    at = math.max(at, tonumber(held[oldest + 1]) + window_us)
    oldest = oldest + 2
  end
  return at
end

if paused_until > now then return answer('paused', paused_until - now) end

redis.call('ZREMRANGEBYSCORE', calls, '-inf', text(now))
redis.call('ZREMRANGEBYSCORE', calls, '(' .. text(now + MAX_AHEAD_US + lapse_us), '+inf')
local room = most_calls
if use ~= 'live' and room > 1 then room = room - 1 end -- one place is kept for live mail
if redis.call('ZCARD', calls) >= room then return answer('full', FULL_US) end

if now - free_at > catch_up_us then free_at = now end
local begin = math.max(now, free_at, next_at)
if use ~= 'live' then
  begin = math.max(begin, own_at)
  if now - live_at < LULL_US then share = math.min(share, share_while_live) end
end
if window_units > 0 then begin = with_room(begin) end
if begin > now + ahead_us then return answer('later', begin - now - ahead_us) end

-- Where calls are not counted, one dearer than usual waits for its own excess beforehand, since a window may end right
-- behind it.
if window_units == 0 then
  begin = begin + math.max(0, units - usual) * us_a_unit
  free_at = begin
end
free_at = free_at + units * us_a_unit
own_at = (use == 'live' and now) or (share < 1 and begin + units * us_a_unit / share) or begin
used = used + units
redis.call('HSET', pace, 'free_at', text(math.ceil(free_at)), own_field, text(math.ceil(own_at)),
  'next_at', text(math.ceil(begin + units * quickest_us_a_unit)),
  'minute', text(this_minute), 'used', text(used), 'used_before', text(used_before))
redis.call('ZADD', calls, text(begin + lapse_us), turn)
redis.call('PEXPIRE', pace, TTL_MS)
redis.call('PEXPIRE', calls, TTL_MS)
if window_units > 0 then
  redis.call('ZADD', counted, text(math.ceil(begin)), units .. ':' .. turn)
  redis.call('PEXPIRE', counted, TTL_MS)
end
return answer('granted', begin - now)
