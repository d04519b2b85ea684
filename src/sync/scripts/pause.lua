-- pause: Google throttled a call: nobody may call for this account until a time. A pause is only ever lengthened.
--
-- KEYS 1 pace, see take.lua
-- ARGV 1 what Google told us to wait, µs (0: nothing told)   2 wait after the first throttling without it, µs
--      3 longest wait after many, µs   4 longest wait that we believe, µs   5 time now, µs ("": the server's)
-- Returns {µs that the pause lasts from now on, whether this call began or lengthened it}.
--
-- Without a time told, the wait doubles with each throttling that comes after a pause has ended; what several calls are
-- told during one pause is one throttling. After CALM_US without any it begins small again.

local pace = KEYS[1]
local told, first, cap, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local TTL_MS = 7200000 -- as in take.lua
local CALM_US = 300000000

local function text(number) return string.format('%.0f', number) end

local now
if ARGV[5] ~= '' then
  now = tonumber(ARGV[5])
else
  local t = redis.call('TIME')
  now = tonumber(t[1]) * 1000000 + tonumber(t[2])
end

redis.call('DEL', KEYS[2]) -- always empty: see take.lua
local state = redis.call('HMGET', pace, 'paused_until', 'throttled_at', 'strikes')
local paused_until, throttled_at, strikes = tonumber(state[1] or 0), tonumber(state[2] or 0), tonumber(state[3] or 0)
if paused_until > now + longest then paused_until = 0 end -- the server's clock was set back

local until_us = now + math.min(told, longest)
if told == 0 then
  if paused_until > now then return {text(paused_until - now), 0} end
  if math.abs(now - throttled_at) > CALM_US then strikes = 0 end
  until_us = now + math.min(cap, first * 2 ^ math.min(strikes, 30))
  strikes = strikes + 1
end
if until_us <= paused_until then return {text(paused_until - now), 0} end
redis.call('HSET', pace, 'paused_until', text(until_us), 'throttled_at', text(until_us), 'strikes', text(strikes))
redis.call('PEXPIRE', pace, TTL_MS)
return {text(until_us - now), 1}
