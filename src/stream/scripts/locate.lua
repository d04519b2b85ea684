-- locate: tell of each mail whether it is on its way or dead. Looks where the ledger says, and writes nothing.
--
-- ARGV envelope ids
-- Returns 1 or 0 for each.

local found = {}
for i, id in ipairs(ARGV) do
  local place, reference = whereabouts(id)
  found[i] = place and is_there(id, place, reference) and 1 or 0
end
return found
