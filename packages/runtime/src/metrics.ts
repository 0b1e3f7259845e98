import {
  Counter,
  type CounterConfiguration,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  Registry,
} from 'prom-client';

/** One value for each label that the metric was made with. */
export type Labels<Name extends string> = Readonly<Record<Name, string>>;
/** The labels come last and are left out where the metric has none. */
type LabelArguments<Name extends string> = [Name] extends [never] ? [] : [labels: Labels<Name>];

export type MetricCounter<Name extends string> = {
  /** Adds `amount`, which is not negative. */
  readonly add: (amount: number, ...labels: LabelArguments<Name>) => void;
  /** As `add` with these labels, for those that are counted with each request. */
  readonly with: (...labels: LabelArguments<Name>) => CounterSeries;
};
/** A counter with its labels given. */
export type CounterSeries = { readonly add: (amount: number) => void };
export type MetricGauge<Name extends string> = {
  readonly set: (value: number, ...labels: LabelArguments<Name>) => void;
};
export type MetricHistogram<Name extends string> = {
  /** Observes a value in the unit that the name ends in. */
  readonly observe: (value: number, ...labels: LabelArguments<Name>) => void;
};

/**
 * The metrics of one process, for Prometheus. Names are `switchyard_…` in lower case. A name that
 * is asked for twice is the same metric, so that the services of one process share theirs.
 */
export type Metrics = {
  readonly counter: <Name extends string = never>(
    name: string,
    help: string,
    labels?: readonly Name[],
  ) => MetricCounter<Name>;
  /** With `read`, the value is asked for whenever the metrics are. */
  readonly gauge: <Name extends string = never>(
    name: string,
    help: string,
    labels?: readonly Name[],
    read?: () => number,
  ) => MetricGauge<Name>;
  /** `buckets` are upper bounds; unset ones suit seconds from a millisecond to a minute. */
  readonly histogram: <Name extends string = never>(
    name: string,
    help: string,
    labels?: readonly Name[],
    buckets?: readonly number[],
  ) => MetricHistogram<Name>;
  readonly render: () => Promise<{ readonly contentType: string; readonly body: string }>;
};

const NAME = /^switchyard_[a-z0-9]+(?:_[a-z0-9]+)*$/;
const LABEL_SETS_MAX = 1_000;
/** What label values become once a metric has as many sets of them as it may have. */
const OTHER = 'other';
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Metrics of this process, those of Node included, each with the label `service`. */
export const createMetrics = ({ service }: { readonly service: string }): Metrics => {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  const made = new Map<string, { readonly shape: string; readonly metric: unknown }>();

  /** The metric of that name, made now or before; the same name in another shape is a defect. */
  const once = <Metric>(name: string, shape: string, make: () => Metric): Metric => {
    if (!NAME.test(name)) throw new TypeError(`The metric name ${name} is not switchyard_….`);
    const known = made.get(name);
    if (known === undefined) {
      const metric = make();
      made.set(name, { shape, metric });
      return metric;
    }
    if (known.shape !== shape) throw new TypeError(`The metric ${name} is made in two shapes.`);
    // Equal shapes, so that it is what the same call made before.
    return known.metric as Metric;
  };

  return {
    counter: (name, help, labels = []) =>
      once(name, `counter ${labels}`, () => {
        const options = { name, help, labelNames: labels, registers: [registry] };
        const { add, open } = openCounter(options);
        return {
          add: (amount, ...[given]) => add(amount, given),
          with: (...[given]) => open(given),
        };
      }),
    gauge: (name, help, labels = [], read) =>
      once(name, `gauge ${labels}`, () => {
        const gauge: Gauge = new Gauge<string>({
          name,
          help,
          labelNames: labels,
          registers: [registry],
          ...(read === undefined ? {} : { collect: () => gauge.set(read()) }),
        });
        const bounded = boundLabels();
        return { set: (value, ...[given]) => gauge.set(bounded(given), value) };
      }),
    histogram: (name, help, labels = [], buckets = SECONDS) =>
      once(name, `histogram ${labels}`, () => {
        const histogram = new Histogram<string>({
          name,
          help,
          labelNames: labels,
          buckets: [...buckets],
          registers: [registry],
        });
        const bounded = boundLabels();
        return { observe: (value, ...[given]) => histogram.observe(bounded(given), value) };
      }),
    render: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  };
};

/**
 * Series with their labels given keep what they count until somebody reads: the library looks the
 * labels up for each amount.
 */
const openCounter = (options: CounterConfiguration<string>) => {
  const held: HeldSeries[] = [];
  const counter: Counter = new Counter<string>({
    ...options,
    collect: () => {
      for (const series of held) counter.inc(series.labels, series.take());
    },
  });
  const bounded = boundLabels();
  return {
    add: (amount: number, labels?: Readonly<Record<string, string>>): void =>
      counter.inc(bounded(labels), amount),
    open: (labels?: Readonly<Record<string, string>>): CounterSeries => {
      const series = holdSeries(bounded(labels));
      held.push(series);
      return series;
    },
  };
};

type HeldSeries = CounterSeries & {
  readonly labels: Record<string, string>;
  readonly take: () => number;
};

const holdSeries = (labels: Record<string, string>): HeldSeries => {
  let amount = 0;
  return {
    labels,
    add: (more) => {
      amount += more;
    },
    take: () => {
      const taken = amount;
      amount = 0;
      return taken;
    },
  };
};

/**
 * Label values may come from clients, such as endpoint names, and each new set of them takes memory
 * here and in Prometheus for good: the first thousand sets are kept apart, later ones are counted
 * together.
 */
const boundLabels = () => {
  const seen = new Set<string>();
  return (labels: Readonly<Record<string, string>> = {}): Record<string, string> => {
    const set = JSON.stringify(Object.values(labels));
    if (seen.has(set)) return labels;
    if (seen.size < LABEL_SETS_MAX) {
      seen.add(set);
      return labels;
    }
    return Object.fromEntries(Object.keys(labels).map((name) => [name, OTHER]));
  };
};
