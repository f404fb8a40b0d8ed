-- The beginning of every script that uses the invalidation log. All six keys share a slot.
local events, record, beat, marks, fence, starts = unpack(KEYS)

-- The time of this script, and that in microseconds.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

-- A write comes first, so that only a primary that accepts writes continues: a replica answers
-- READONLY, an isolated primary NOREPLICAS, a full server OOM (rule 5). The value shows an operator
-- when the log was last used, in Unix seconds. If the clock went back since then, the age of the
-- fence is too short, so it is forgotten.
local before = redis.pcall('GET', beat)
redis.call('SET', beat, time[1])
if type(before) == 'string' and (tonumber(before) or 0) > tonumber(time[1]) then
  redis.call('UNLINK', fence)
end

-- Returns the run id of this server's process, or '' if scripts may not read it (rule 6, the weaker
-- mode).
local function run_id()
  local info = redis.pcall('INFO', 'server')
  if type(info) ~= 'string' then
    return ''
  end
  return string.match(info, 'run_id:(%x+)') or ''
end

-- Returns the incarnation on record, or nil if its log is gone: the record or the Stream is
-- missing, or another process made it. If this script cannot read the run id, it trusts the record.
-- Otherwise instances with and without the right to read it would take turns in beginning new
-- incarnations.
local function kept(run)
  if redis.call('TYPE', events).ok ~= 'stream' or redis.call('TYPE', record).ok ~= 'string' then
    return nil
  end
  local id, made_on = string.match(redis.call('GET', record), '^(%x+) (%x*)$')
  if id and #id == 32 and (run == '' or run == made_on) then
    return id
  end
  return nil
end

-- Notes that everything from before this moment is refused in this incarnation.
local function set_fence(id)
  redis.call('SET', fence, string.format('%s %.0f', id, now))
end

-- Whether everything from before a moment that was `age` microseconds ago is refused in this
-- incarnation, whatever was appended to another one until that moment.
local function is_fenced(id, age)
  local text = redis.pcall('GET', fence)
  local of, at = string.match(type(text) == 'string' and text or '', '^(%x+) (%d+)$')
  if of ~= id then
    return false
  end
  return tonumber(at) <= now and now - tonumber(at) < age
end

-- Empties the log and makes `fresh` its incarnation. The only entry has no event. It is there so
-- that the Stream exists.
local function begin(fresh, run)
  redis.call('UNLINK', events, marks, starts)
  redis.call('XADD', events, '*', 'i', fresh)
  redis.call('SET', record, fresh .. ' ' .. run)
  set_fence(fresh)
  return fresh
end

-- Returns the incarnation of the log, and the server's run id. If the log is missing, or the caller
-- found it broken, this begins a new log with the incarnation `fresh`.
local function incarnation(fresh, broken)
  local run = run_id()
  local id = kept(run)
  if id and id ~= broken then
    return id, run
  end
  return begin(fresh, run), run
end

