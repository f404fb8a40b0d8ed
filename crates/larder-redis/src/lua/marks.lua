-- Marks beside the Stream, so that who is new to the incarnation need not read what they could not remember. Looks leave
-- them, as they know how much was ever added, whoever added it, and are sent after each append anyway.
-- The value is the incarnation, then of each mark, newest first, how many entries had been added by then and the id of the
-- last of them: '<32 digits> 8192=1763856000456-0 4096=1763856000123-7'. Whatever it is, a look goes on: a mark only
-- counts while its entry is in the Stream, so that nothing is skipped that is not also told to be missing.

-- How many entries lie between two marks, how many marks are kept, and how many bytes one takes at most.
local APART, MOST, BYTES = 4096, 1024, 60

-- The marks of this incarnation, as far as they lie in so many bytes.
local function left_of(id, bytes)
  local text = redis.pcall('GETRANGE', marks, 0, #id + bytes)
  if type(text) ~= 'string' or string.sub(text, 1, #id + 1) ~= id .. ' ' then
    return ''
  end
  return string.sub(text, #id + 2)
end

-- One after the other, to the first that is none: what is not searched takes no time, however long it is.
local function each_mark(id)
  local text, from = left_of(id, MOST * BYTES), 1
  return function()
    local _, last, at, entry = string.find(text, '^(%d+)=(%d+%-%d+) ?', from)
    from = (last or #text) + 1
    return at, entry
  end
end

-- The id of the newest mark with at least so many entries after it, if its entry is there.
local function mark_before(id, added, entries_after)
  for at, entry in each_mark(id) do
    if added - tonumber(at) >= entries_after then
      local there = redis.pcall('XRANGE', events, entry, entry)
      return there[1] and entry
    end
  end
  return nil
end

-- Leaves a mark at the last entry if enough were added since the one before, and drops those whose entry is gone.
local function leave_mark(id, added, length, newest)
  local last = tonumber(string.match(left_of(id, BYTES), '^(%d+)=')) or 0
  local due = last > added or added - last >= APART
  if not newest or added < APART or not due then
    return
  end
  local kept = { string.format('%.0f=%s', added, newest[1]) }
  for at, entry in each_mark(id) do
    if tonumber(at) < added and tonumber(at) > added - length and #kept < MOST then
      kept[#kept + 1] = at .. '=' .. entry
    end
  end
  redis.call('SET', marks, id .. ' ' .. table.concat(kept, ' '))
end
