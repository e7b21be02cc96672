-- A letter for the call. ARGV: letter. Answers ended, unknown, full, or posted and the owner.
local state = status()
if not state then return { 'unknown' } end
if FINAL[state] then return { 'ended' } end
if full(BOX, 1) then return { 'full' } end
put(BOX, '_box', take())
keepTime(BOX)
return { 'posted', owner() }
