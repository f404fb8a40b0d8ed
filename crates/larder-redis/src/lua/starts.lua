-- The starts under way. An instance that starts reads the whole log. If many start at the same time,
-- only a few of them read large pages, so that the server goes on to answer the others quickly.
-- The value is a token and a deadline in microseconds for each of them. A start whose instance does
-- not come back for its next page loses its place at the deadline:
-- '<32 digits>=1763856000456000 <32 digits>=1763856000456123'

-- The maximum number of starts, and how long one of them keeps its place, in microseconds.
local MOST_STARTS, KEPT = 4, 5000000

-- Returns the starts of all others, and whether `token` has a place too.
local function starts_beside(token)
  local text = redis.pcall('GET', starts)
  local others, has_place = {}, false
  for one, till in string.gmatch(type(text) == 'string' and text or '', '(%x+)=(%d+)') do
    if one == token then
      has_place = true
    elseif tonumber(till) > now and tonumber(till) <= now + KEPT and #others < MOST_STARTS then
      others[#others + 1] = one .. '=' .. till
    end
  end
  return others, has_place
end

local function set_starts(list)
  if #list == 0 then
    redis.call('UNLINK', starts)
  else
    redis.call('SET', starts, table.concat(list, ' '), 'PX', KEPT / 1000)
  end
end

-- Gives `token` a place, or keeps it. Returns whether it has one.
local function may_start(token)
  local others = starts_beside(token)
  if #others >= MOST_STARTS then
    return false
  end
  others[#others + 1] = string.format('%s=%.0f', token, now + KEPT)
  set_starts(others)
  return true
end

-- Gives up the place of `token`.
local function end_start(token)
  local others, has_place = starts_beside(token)
  if has_place then
    set_starts(others)
  end
end
