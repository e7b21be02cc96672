/**
 * The nodes of a Cluster as a connection that fails fast must know them: each is connected before the first command
 * for it, and one that is lost is looked for without a command. Lives as long as its Cluster.
 */
import type { Cluster, Redis } from 'ioredis';

/** The Cluster is asked this often while a primary is missing: a failover takes it seconds. */
const LOOK_AGAIN_MS = 250;

/** Keeps a connection to each node, and to its replica when that takes over. */
export function keepNodes(cluster: Cluster): void {
  connectEarly(cluster);
  findLost(cluster);
}

/** Whether the primary of each slot is connected. */
export function areNodesReady(cluster: Cluster): boolean {
  const ready = cluster.nodes('master').filter((node) => node.status === 'ready');
  return ready.length >= new Set(cluster.slots.map(([primary]) => primary)).size;
}

/** Nodes connect when they become known, not with their first command: that one would find them not ready. */
function connectEarly(cluster: Cluster): void {
  const connect = (node: Redis): void => {
    // Before the Cluster is known its first servers are only asked about it.
    if (cluster.status === 'ready' && node.status === 'wait') node.connect().catch(() => undefined);
  };
  cluster.on('+node', connect);
  cluster.on('ready', () => cluster.nodes().forEach(connect));
}

/**
 * ioredis drops a node whose connection ended, and asks where its slots are only when a command for them was sent to
 * another node and answered MOVED. A service whose own keys lie elsewhere would send none, and so stay unready for ever.
 */
function findLost(cluster: Cluster): void {
  let waiting = false;
  const lookLater = (): void => {
    if (waiting) return;
    waiting = true;
    setTimeout(look, LOOK_AGAIN_MS).unref();
  };
  const look = (): void => {
    waiting = false;
    if (cluster.status === 'ready' && !areNodesReady(cluster)) cluster.refreshSlotsCache(lookLater);
  };
  cluster.on('-node', lookLater);
}
