-- What the steps of one call share. KEYS are those of `scriptKeys` in keys.ts.
local CALL, TIMELINE, STREAMS, ORDER, LIVE = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local BOX, GATEWAY_BOX, OUTBOX, GROWN = KEYS[6], KEYS[7], KEYS[8], KEYS[9]

local FINAL = { ['"completed"'] = true, ['"busy"'] = true, ['"failed"'] = true, ['"no-answer"'] = true, ['"canceled"'] = true }
local STREAM_FINAL = { ['"stopped"'] = true, ['"failed"'] = true }
local TIMELINE_CAP = 10000
local BOX_CAP = 1000
local OUTBOX_CAP = 5000

-- Reads ARGV from front to back.
local at = 0
local function take()
  at = at + 1
  return ARGV[at]
end
local function takeNumber()
  return tonumber(take())
end
local function takeMany()
  local many = {}
  for i = 1, takeNumber() do many[i] = take() end
  return many
end

local function status()
  return redis.call('HGET', CALL, 'status')
end

-- Whether this epoch may write: 'current', 'lost' to a newer one, or 'forgotten' when Redis knows nothing of the
-- call or only an older owner: it came back without what it had.
local function standing(epoch)
  local known = redis.call('HGET', CALL, '_epoch')
  if known == epoch then return 'current' end
  if known and tonumber(known) > tonumber(epoch) then return 'lost' end
  return 'forgotten'
end

-- The owner as text, or '' when nobody has the call.
local function owner()
  local json = redis.call('HGET', CALL, 'owner')
  if not json or json == 'null' then return '' end
  return cjson.decode(json)
end

-- In ms, by the clock of Redis.
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Readers remember the last number they saw, and a primary that took over may not have the letters it was of: so numbers
-- follow the time, and none is given twice.
local function put(key, counter, json, cap)
  local last = tonumber(redis.call('HGET', CALL, counter) or '0')
  local id = string.format('%.0f', math.max(last + 1, now()))
  redis.call('HSET', CALL, counter, id)
  redis.call('RPUSH', key, id .. ' ' .. json)
  if cap then redis.call('LTRIM', key, -cap, -1) end
  return id
end

local function full(key, more)
  return redis.call('LLEN', key) + more > BOX_CAP
end

local function record(entries)
  for _, json in ipairs(entries) do
    local seq = redis.call('HINCRBY', CALL, '_seq', 1)
    redis.call('XADD', TIMELINE, 'MAXLEN', '~', TIMELINE_CAP, seq .. '-0', 'e', json)
  end
  if #entries > 0 then redis.call('PUBLISH', GROWN, '') end
end

-- A letter, callback or entry written after the end must not outlive the call.
local function keepTime(...)
  local left = redis.call('PTTL', CALL)
  if left <= 0 then return end
  for _, key in ipairs({ ... }) do redis.call('PEXPIRE', key, left) end
end

-- The call is over: live streams stop, nobody reads the box any more, retention begins.
local function finish(retentionMs, endedAt)
  for _, stream in ipairs(redis.call('HKEYS', LIVE)) do
    redis.call('HSET', STREAMS, stream .. ':status', '"stopped"', stream .. ':stoppedAt', endedAt, stream .. ':reason', '"hangup"')
  end
  redis.call('DEL', LIVE, BOX)
  for _, key in ipairs({ CALL, TIMELINE, STREAMS, ORDER, GATEWAY_BOX, OUTBOX }) do
    redis.call('PEXPIRE', key, retentionMs)
  end
end
