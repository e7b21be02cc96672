-- Hands calls whose lease ran out to whoever has room: their owner is dead or stalled. At most once in a while,
-- whoever asks. After a hole in the asking it was Redis that was away, not the owners: then nothing is handed
-- over for a time in which those who live renew.
-- ARGV: prefix of the queue's keys; in ms: between two sweeps, what is a hole, and what they get after one.
local base, everyMs, holeMs, graceMs = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local active, wait, swept = base .. 'active', base .. 'wait', base .. 'swept'
-- Redis does nothing else meanwhile: so many calls are looked at in one step, and whoever asks next goes on there.
local SLICE = 2000
local BATCH = 1000

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local last, graceUntil, at = string.match(redis.call('GET', swept) or '0 0', '^(%d+) (%d+) ?(%d*)$')
last, graceUntil, at = tonumber(last), tonumber(graceUntil), tonumber(at) or 0
if at == 0 and now - last < everyMs then return 0 end
if last > 0 and now - last > holeMs then graceUntil = now + graceMs end
local function remember(nextAt)
  redis.call('SET', swept, string.format('%.0f %.0f %.0f', now, graceUntil, nextAt))
end
if now < graceUntil then
  remember(0)
  return 0
end

local handed = 0
local ids = redis.call('LRANGE', active, at, at + SLICE - 1)
for from = 1, #ids, BATCH do
  local locks = {}
  for i = from, math.min(from + BATCH - 1, #ids) do locks[#locks + 1] = base .. ids[i] .. ':lock' end
  for i, holder in ipairs(redis.call('MGET', unpack(locks))) do
    local id = ids[from + i - 1]
    if not holder and redis.call('LREM', active, 1, id) > 0 then
      redis.call('HINCRBY', base .. id, 'stc', 1)
      redis.call('RPUSH', wait, id)
      handed = handed + 1
    end
  end
end
remember(#ids < SLICE and 0 or at + SLICE - handed)
-- What wakes a worker that waits is given to one of them alone, and that one may be stalled: so it is given again
-- as long as calls wait.
if redis.call('LLEN', wait) > 0 then redis.call('ZADD', base .. 'marker', 0, '0') end
return handed
