/** What the store takes of the disk: octets written, commits, sizes, and the daily budget of flash. */

import type { Clock, Files, Log } from "../host/host.ts";
import type { Tables } from "./tables.ts";

const DAY = 86_400_000;
/** Octets of the write-ahead log from which on it is written into the file. */
const LOG_LIMIT = 1_048_576;

export interface UsageSettings {
	readonly path: string;
	/** Octets a day beyond which there is a warning; 0 is none. */
	readonly dailyBudget: number;
}

export class Usage {
	/** Transactions, since the start. */
	commits = 0;
	/** Octets of the file, and of its write-ahead log. */
	fileSize = 0;
	logSize = 0;
	/** Octets of the file that hold something, and the log. */
	used = 0;
	private readonly host: { readonly clock: Clock; readonly files: Files };
	private readonly log: Log;
	private settings: UsageSettings;
	private day: number;
	private today = 0;
	private total = 0;
	private hasWarned = false;
	/** Of what is noted in the database; 0 is none. */
	private notedDay = 0;

	constructor(host: { readonly clock: Clock; readonly files: Files }, log: Log, settings: UsageSettings) {
		this.host = host;
		this.log = log;
		this.settings = settings;
		this.day = this.presentDay;
	}

	private get presentDay(): number {
		return Math.floor(this.host.clock.now() / DAY);
	}

	configure(settings: UsageSettings): void {
		this.settings = settings;
		this.hasWarned = false;
	}

	/** Octets written since midnight (UTC); as much as can be told from the sizes of files. */
	get writtenToday(): number {
		return this.day === this.presentDay ? this.today : 0;
	}

	/** The same since the start. */
	get written(): number {
		return this.total;
	}

	/** Takes up what was noted on the same day. The log has grown since by what was written to it. */
	opened(tables: Tables): void {
		this.measure(tables);
		const noted = tables.usage();
		if (noted === null) return;
		this.notedDay = noted.day;
		if (noted.day !== this.presentDay || this.writtenToday > noted.octets) return;
		this.day = noted.day;
		this.today = noted.octets + Math.max(0, this.logSize - noted.logSize);
	}

	/** Whether nothing is noted of this day yet: to be done with the first transaction, later from time to time. */
	get isNewDay(): boolean {
		return this.notedDay !== this.presentDay;
	}

	/** Notes within a transaction what was written, so that the next start can go on from there. */
	record(tables: Tables, logSize = this.logSize): void {
		this.notedDay = this.presentDay;
		tables.putUsage({ day: this.notedDay, octets: this.writtenToday, logSize });
	}

	/** Before the database is closed, which writes the log into the file. Throws HostError. */
	closing(tables: Tables): void {
		if (this.logSize > 0) this.recordEmptying(tables);
	}

	/** Before the log is written into the file: a page that it has several times goes there once. */
	private recordEmptying(tables: Tables): void {
		this.count(Math.min(this.logSize, this.fileSize));
		tables.begin();
		this.record(tables, 0);
		tables.commit();
	}

	/** To be called after each transaction. Throws HostError when the log cannot be written into the file. */
	committed(tables: Tables): void {
		this.commits++;
		const before = this.logSize;
		this.measure(tables);
		this.count(this.logSize > before ? this.logSize - before : this.logSize);
		if (this.logSize < LOG_LIMIT) return;
		this.recordEmptying(tables);
		tables.checkpoint();
		this.measure(tables);
	}

	private measure(tables: Tables): void {
		const { total, free } = tables.size();
		this.fileSize = total;
		this.logSize = this.host.files.info(`${this.settings.path}-wal`)?.size ?? 0;
		this.used = total - free;
	}

	private count(octets: number): void {
		const day = this.presentDay;
		if (day !== this.day) {
			this.day = day;
			this.today = 0;
			this.hasWarned = false;
		}
		this.today += octets;
		this.total += octets;
		const { dailyBudget, path } = this.settings;
		if (dailyBudget === 0 || this.today <= dailyBudget || this.hasWarned) return;
		this.hasWarned = true;
		const text = `${this.today} octets were written to the database '${path}' today, persist_daily_budget is ${dailyBudget}`;
		this.log.write("warning", `Warning: ${text}.`);
	}
}
