-- The beginning of every script that uses the invalidation log. All four keys share a slot.
local events, record, beat, marks = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

-- A write comes first, so that only a primary that accepts writes continues: a replica answers
-- READONLY, an isolated primary NOREPLICAS, a full server OOM (rule 5). The value shows an operator
-- when the log was last used, in Unix seconds.
redis.call('SET', beat, redis.call('TIME')[1])

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

-- Empties the log and makes `fresh` its incarnation. The only entry has no event. It is there so
-- that the Stream exists.
local function begin(fresh, run)
  redis.call('UNLINK', events, marks)
  redis.call('XADD', events, '*', 'i', fresh)
  redis.call('SET', record, fresh .. ' ' .. run)
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

