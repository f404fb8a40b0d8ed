-- Appends events and answers with the incarnation that they are of and the id of the last.
-- ARGV: a random id for a new incarnation; about how many entries to keep; then mode and selector of each event.
local fresh, keep = ARGV[1], ARGV[2]

-- Lua hands over only so many arguments at once. All the entries become visible together, as this is one script.
local AT_ONCE = 1000

local id = incarnation(fresh, nil)
local last
for first = 3, #ARGV, AT_ONCE do
  local until_here = math.min(first + AT_ONCE - 1, #ARGV)
  last = redis.call('XADD', events, 'MAXLEN', '~', keep, '*', unpack(ARGV, first, until_here))
end
return { id, last }
