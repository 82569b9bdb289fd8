/** Topic names and topic filters (section 4.7), and shared subscriptions' filters (section 4.8.2). */

const SLASH = 0x2f;
const PLUS = 0x2b;
const HASH = 0x23;
const DOLLAR = 0x24;
const SHARE = "$share/";

/** Whether `topic` can be published to: not empty, no wildcard and no U+0000. Its length is the wire's concern. */
export function isValidTopicName(topic: string): boolean {
	return (
		topic.length > 0 && // [MQTT-4.7.3-1] (3.1.1: [MQTT-4.7.3-1])
		!topic.includes("+") && // [MQTT-3.3.2-2] [MQTT-4.7.0-1] (3.1.1: [MQTT-3.3.2-2], [MQTT-4.7.1-1])
		!topic.includes("#") &&
		!topic.includes("\0") // [MQTT-4.7.3-2] (3.1.1: [MQTT-4.7.3-2])
	);
}

/**
 * Whether `filter` can be subscribed to: not empty, no U+0000, `+` and `#` only as whole levels, `#` only as the
 * last. `$share/NAME/filter` must have a name without wildcards, and a valid filter.
 */
export function isValidTopicFilter(filter: string): boolean {
	if (filter.length === 0 || filter.includes("\0")) return false; // [MQTT-4.7.3-1] [MQTT-4.7.3-2]
	let start = 0;
	if (filter.startsWith(SHARE)) {
		const slash = filter.indexOf("/", SHARE.length);
		if (slash <= SHARE.length || slash === filter.length - 1) return false; // [MQTT-4.8.2-1] [MQTT-4.8.2-2]
		if (hasWildcard(filter, SHARE.length, slash)) return false; // [MQTT-4.8.2-2]
		start = slash + 1;
	}
	if (!filter.includes("+", start) && !filter.includes("#", start)) return true;
	const length = filter.length;
	for (let index = start; index < length; index++) {
		const character = filter.charCodeAt(index);
		if (character !== PLUS && character !== HASH) continue;
		if (index > start && filter.charCodeAt(index - 1) !== SLASH) return false; // [MQTT-4.7.1-1] [MQTT-4.7.1-2]
		if (index + 1 === length) return true;
		if (character === HASH) return false; // [MQTT-4.7.1-1] (3.1.1: [MQTT-4.7.1-2])
		if (filter.charCodeAt(index + 1) !== SLASH) return false; // [MQTT-4.7.1-2] (3.1.1: [MQTT-4.7.1-3])
	}
	return true;
}

function hasWildcard(text: string, start: number, end: number): boolean {
	for (let index = start; index < end; index++) {
		const character = text.charCodeAt(index);
		if (character === PLUS || character === HASH) return true;
	}
	return false;
}

/**
 * Whether a publication to `topic` matches `filter`; both valid. A leading wildcard does not match a topic that
 * begins with `$` ([MQTT-4.7.2-1]). `$share/NAME/` is left out of the comparison.
 */
export function topicMatches(filter: string, topic: string): boolean {
	let f = filter.startsWith(SHARE) ? filter.indexOf("/", SHARE.length) + 1 : 0;
	const filterLength = filter.length;
	const topicLength = topic.length;
	const first = filter.charCodeAt(f);
	if (topic.charCodeAt(0) === DOLLAR && (first === PLUS || first === HASH)) return false; // [MQTT-4.7.2-1]
	let t = 0;
	for (;;) {
		// Both stand at the start of a level.
		const character = filter.charCodeAt(f);
		if (character === HASH) return true;
		if (character === PLUS) {
			f++;
			while (t < topicLength && topic.charCodeAt(t) !== SLASH) t++;
		} else {
			while (f < filterLength && filter.charCodeAt(f) !== SLASH) {
				// A NaN past the topic's end differs from any character.
				if (filter.charCodeAt(f) !== topic.charCodeAt(t)) return false;
				f++;
				t++;
			}
			if (t < topicLength && topic.charCodeAt(t) !== SLASH) return false;
		}
		if (t === topicLength) {
			// "sport/#" also matches the parent level, "sport".
			return f === filterLength || (f + 2 === filterLength && filter.charCodeAt(f + 1) === HASH);
		}
		if (f === filterLength) return false;
		f++;
		t++;
	}
}
