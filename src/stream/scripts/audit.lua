-- audit: go a step through the ledger and forget mails whose entry was deleted by hand, so that the source may bring
-- them again.
--
-- ARGV 1 cursor of HSCAN   2 about how many to look at
-- Returns {next cursor ("0" at the end), lost}

local step = redis.call('HSCAN', ledger, ARGV[1], 'COUNT', ARGV[2])
local lost = 0
for i = 1, #step[2], 2 do
  local id = step[2][i]
  local place, reference, bytes = whereabouts(id)
  if place and not is_there(id, place, reference) then
    forget_lost(id, place, bytes)
    lost = lost + 1
  end
end
return {step[1], text(lost)}
