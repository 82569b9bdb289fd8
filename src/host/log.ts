/** What a program tells its owner, line by line. */

/** mosquitto's log types, as `log_type` names them. */
export type LogType =
	| "error"
	| "warning"
	| "notice"
	| "information"
	| "subscribe"
	| "unsubscribe"
	| "websockets"
	| "debug";

export interface Log {
	/** Whether lines of this type go anywhere; to be asked before a costly text is made. May change at a reload. */
	enabled(type: LogType): boolean;
	/** One line without its end. Control characters in it are made harmless by the log. Never throws. */
	write(type: LogType, text: string): void;
}
