/**
 * Ports that browsers refuse for HTTP (the "bad ports" of the Fetch standard), but for 9, discard:
 * RunPod's clients name it where a webhook is to go nowhere.
 */
const FETCH_BAD_PORTS = [
  0, 1, 7, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102,
  103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465,
  512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993,
  995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668,
  6669, 6679, 6697, 10080,
];

/** Ports of databases, brokers, caches and control planes, which take no webhooks. */
const INFRASTRUCTURE_PORTS = [
  445, 873, 1433, 1521, 1883, 2181, 2375, 2376, 2379, 2380, 3306, 3389, 4222, 4369, 5432, 5671,
  5672, 5900, 5984, 6222, 6379, 6380, 6432, 7422, 9042, 9092, 9200, 9300, 10250, 11211, 15672,
  25672, 26379, 27017, 27018,
];

/**
 * Ports that a webhook may not name, but on an address that the operator has opened. All lie below
 * the ephemeral ones.
 */
export const FORBIDDEN_PORTS: ReadonlySet<number> = new Set([
  ...FETCH_BAD_PORTS,
  ...INFRASTRUCTURE_PORTS,
]);
