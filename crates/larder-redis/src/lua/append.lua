-- Appends the events of some invalidations. Returns their incarnation, and the id of the last entry
-- of each invalidation. No two invalidations share an entry.
-- ARGV: a random id for a new incarnation; the approximate number of entries to keep; the
-- approximate number of bytes that the Stream may take; then for each invalidation the number of
-- the arguments for its events, and for each event its mode and its selector.
local fresh, keep, most_bytes = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

-- Lua passes only a limited number of arguments at once, and a poll reads an entry as a whole. All
-- entries still become visible together, because this is one script.
local FIRST, AT_ONCE, ENTRY_BYTES = 4, 256, 32768

-- Returns the index of the last argument of the entry that begins with the argument `first`. The
-- invalidation has arguments up to `to`.
local function end_of_entry(first, to)
  local last, bytes = first + 1, #ARGV[first + 1]
  while last + 2 <= to and last + 2 < first + AT_ONCE do
    bytes = bytes + #ARGV[last + 2]
    if bytes > ENTRY_BYTES then
      break
    end
    last = last + 2
  end
  return last
end

local id = incarnation(fresh, nil)
local added = 0
for i = FIRST, #ARGV do
  added = added + #ARGV[i] + OVERHEAD / 2
end
local kept, limit = room_for(added, fresh, keep, most_bytes)

-- Appends the events in these arguments. Returns the id of the last entry.
local function append(first, to)
  local last
  while first <= to do
    local until_here = end_of_entry(first, to)
    last = add_entry(kept, limit, ARGV, first, until_here)
    first = until_here + 1
  end
  return last
end

local answer = { id }
local first = FIRST
while first <= #ARGV do
  local to = first + tonumber(ARGV[first])
  answer[#answer + 1] = append(first + 1, to)
  first = to + 1
end
return answer
