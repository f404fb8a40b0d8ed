-- What every script that touches the invalidation log begins with. All four keys share a slot.
local events, record, beat, marks = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

-- A write comes first, so that only a primary that may write goes on: a replica answers READONLY, an isolated primary
-- NOREPLICAS, a full server OOM (rule 5). The value tells an operator when the log was last asked for, in Unix seconds.
redis.call('SET', beat, redis.call('TIME')[1])

-- Which process this server is; '' where scripts may not ask (rule 6, the weaker mode).
local function run_id()
  local info = redis.pcall('INFO', 'server')
  if type(info) ~= 'string' then
    return ''
  end
  return string.match(info, 'run_id:(%x+)') or ''
end

-- The incarnation on record, or nil if the log that it names is not there any more: the record or the Stream is
-- missing, or it was made by another process. Who does not know its own run id believes the record, or else instances
-- with and without the right to ask would take turns in beginning new ones.
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

-- Makes `fresh` the incarnation of an emptied log. Its one entry names nothing; it is there so that the Stream exists.
local function begin(fresh, run)
  redis.call('UNLINK', events, marks)
  redis.call('XADD', events, '*', 'i', fresh)
  redis.call('SET', record, fresh .. ' ' .. run)
  return fresh
end

-- The incarnation that the log is of, and the run id that was seen. A log that is missing, or that the caller found
-- broken, is begun anew under `fresh`.
local function incarnation(fresh, broken)
  local run = run_id()
  local id = kept(run)
  if id and id ~= broken then
    return id, run
  end
  return begin(fresh, run), run
end

