-- Appends events and answers with the incarnation that they are of and the id of the last.
-- ARGV: a random id for a new incarnation; about how many entries to keep; about how many bytes the Stream may take; then
-- mode and selector of each event.
local fresh, keep, most_bytes = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

-- Lua hands over only so many arguments at once. All the entries become visible together, as this is one script.
local FIRST, AT_ONCE = 4, 1000

-- What Redis needs for an event beside its texts, and into how many parts the Stream is divided: to measure it takes a
-- moment for each of its nodes, so that it is done about once for each part that is added.
local OVERHEAD, PARTS = 24, 64

-- How many entries to keep, and how many may be removed for that at once.
local function room_for(added)
  local chance = tonumber(string.sub(fresh, 1, 8), 16) / 4294967296
  if added * PARTS < most_bytes * chance then
    return keep, nil
  end
  local used = redis.pcall('MEMORY', 'USAGE', events, 'SAMPLES', 0)
  -- Scripts may not ask, or the Stream is small enough.
  if type(used) ~= 'number' or used + added <= most_bytes then
    return keep, nil
  end
  local length = 0
  local flat = redis.call('XINFO', 'STREAM', events)
  for i = 1, #flat, 2 do
    length = flat[i] == 'length' and flat[i + 1] or length
  end
  local share = math.max(most_bytes - added, 0) / used
  return math.max(1, math.min(keep, math.floor(length * share * 0.75))), 0
end

local id = incarnation(fresh, nil)
local added = 0
for i = FIRST, #ARGV do
  added = added + #ARGV[i] + OVERHEAD / 2
end
local kept, limit = room_for(added)
local last
for first = FIRST, #ARGV, AT_ONCE do
  local until_here = math.min(first + AT_ONCE - 1, #ARGV)
  if limit then
    last = redis.call('XADD', events, 'MAXLEN', '~', kept, 'LIMIT', limit, '*', unpack(ARGV, first, until_here))
  else
    last = redis.call('XADD', events, 'MAXLEN', '~', kept, '*', unpack(ARGV, first, until_here))
  end
end
return { id, last }
