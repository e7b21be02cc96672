-- Hands over the calls of owners whose lease ran out: they are dead or stalled. At most once in a while, whoever asks.
-- After a hole in the asking it was Redis that was away, not the owners: then nothing is handed over for a time in which
-- those who live renew. ARGV: prefix; in ms: between two sweeps, what is a hole, and what they get after one.
-- Answers 1 when there is more to do at once.
local everyMs, holeMs, graceMs = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local swept = base .. 'swept'

local timeMs = now()
local last, graceUntil, more = string.match(redis.call('GET', swept) or '0 0', '^(%d+) (%d+) ?(%d*)$')
last, graceUntil, more = tonumber(last), tonumber(graceUntil), (tonumber(more) or 0) > 0
if not more and timeMs - last < everyMs then return 0 end
if last > 0 and timeMs - last > holeMs then graceUntil = timeMs + graceMs end
local function remember(isMore)
  redis.call('SET', swept, string.format('%.0f %.0f %d', timeMs, graceUntil, isMore))
  return isMore
end
if timeMs < graceUntil then return remember(0) end

-- Whoever died in the middle of taking them.
for _, id in ipairs(redis.call('LRANGE', active, -SLICE, -1)) do
  if redis.call('EXISTS', base .. id .. ':lock') == 0 then
    redis.call('LREM', active, -1, id)
    giveBack(id, true)
  end
end

local left = SLICE
while left > 0 do
  local owner = redis.call('ZRANGEBYSCORE', owners, '-inf', timeMs, 'LIMIT', 0, 1)[1]
  if not owner then break end
  redis.call('ZADD', owners, 0, owner)
  left = left - drain(owner, left)
end
wake()
return remember(left == 0 and 1 or 0)
