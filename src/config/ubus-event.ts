/** Values of `ubus` and `ubus_event`: whether ubus is served, and which of its events are topics, or topics events. */

import { fail } from "./error.ts";
import { text, type ValueType, type Written, wordsOf } from "./value.ts";

/** One event that is published to a topic, or one topic whose messages are sent as an event. */
export interface UbusEvent {
	readonly direction: "publish" | "send";
	/** Name of the event; to be published, it may end with `*`, which stands for any ending. */
	readonly event: string;
	/** Topic name; to be published, `%e` in it stands for the event's name. */
	readonly topic: string;
	/** Of what is published. */
	readonly qos: 0 | 1 | 2;
	/** Whether what is published is retained. For what is sent, whether a retained message is, too, at the start. */
	readonly retain: boolean;
}

/** What stands for the event's name. */
export const EVENT_NAME = "%e";

/** Octets of an event's name at most. */
const LONGEST_NAME = 255;

/** `auto`, true or false, or the path of ubusd's socket. */
export const ubus: ValueType<boolean | "auto" | string> = {
	kind: "string",
	form: "true, false, auto, or the path of ubusd's socket",
	parse(written) {
		const word = text().parse(written);
		if (word === "auto") return word;
		if (word === "true" || word === "1") return true;
		if (word === "false" || word === "0") return false;
		return word.startsWith("/") ? word : fail(`Error: Invalid '${written.name}' value (${word}).`);
	},
};

/** `EVENT -> TOPIC` or `EVENT <- TOPIC`, then `qos N` and `retain`; a list of one. */
export const ubusEvents: ValueType<readonly UbusEvent[]> = {
	kind: "words",
	form: "EVENT -> TOPIC, perhaps with qos 0, 1 or 2, or EVENT <- TOPIC; each perhaps with retain",
	parse(written) {
		const words = wordsOf(text().parse(written));
		const [event = "", arrow = "", topic = "", ...more] = words;
		const wrong = (word: string): never => fail(`Error: Invalid '${written.name}' value (${word}).`);
		if (arrow !== "->" && arrow !== "<-") wrong(words.join(" "));
		const direction = arrow === "->" ? "publish" : "send";
		if (!isEvent(event, direction)) wrong(event);
		if (!isTopic(topic, direction, event)) wrong(topic);
		const terms = termsOf(more, written);
		// It comes from the broker itself, and is not lost on the way.
		if (direction === "send" && terms.qos !== 0) wrong(more.join(" "));
		return [{ direction, event, topic, ...terms }];
	},
};

function termsOf(words: readonly string[], { name }: Written): Pick<UbusEvent, "qos" | "retain"> {
	let qos: UbusEvent["qos"] = 0;
	let retain = false;
	for (let at = 0; at < words.length; at++) {
		const word = words[at];
		const next = words[at + 1];
		if (word === "retain") {
			retain = true;
		} else if (word === "qos" && (next === "0" || next === "1" || next === "2")) {
			qos = next === "0" ? 0 : next === "1" ? 1 : 2;
			at++;
		} else {
			fail(`Error: Invalid '${name}' value (${words.slice(at).join(" ")}).`);
		}
	}
	return { qos, retain };
}

function isEvent(event: string, direction: UbusEvent["direction"]): boolean {
	if (event === "" || event.length > LONGEST_NAME) return false;
	if (direction === "publish") return !event.slice(0, -1).includes("*");
	// Those are ubusd's own: nobody else may send them.
	return !event.includes("*") && !event.startsWith("ubus.");
}

function isTopic(topic: string, direction: UbusEvent["direction"], event: string): boolean {
	if (topic === "" || /[+#]/.test(topic)) return false;
	// Messages of different events in one topic could not be told apart, and the broker's own topics are not for them.
	if (direction === "publish")
		return !topic.startsWith("$") && (!event.endsWith("*") || topic.includes(EVENT_NAME));
	return true;
}
