/** Goes through retained messages as long as it takes, resting after each level. */

import type { RetainedLevel } from "./retained.ts";
import type { Work } from "./work.ts";

export interface RetainedVisitor {
	/** A level of a topic that matches and that has a message. */
	take(level: RetainedLevel): void;
	/** Everything at and below a level matches: whether that is to be passed over. */
	passes(level: RetainedLevel): boolean;
}

/** Levels that are being gone through, and which part of the filter is for their children. */
interface Frame {
	readonly children: Iterator<[string, RetainedLevel], void>;
	readonly depth: number;
}

/** Visits what matches a topic filter below `root`, topics of one level in the order of their first message. */
export function* walkRetained(
	root: RetainedLevel,
	topicFilter: string,
	visitor: RetainedVisitor,
): Work<void> {
	const filter = topicFilter.split("/");
	const stack: Frame[] = [];
	const enter = (level: RetainedLevel, depth: number): void => {
		let at = level;
		let below = depth;
		// Down to where there is more than one way.
		while (below < filter.length && filter[below] !== "#" && filter[below] !== "+") {
			const child = at.get(filter[below]!);
			if (child === undefined) return;
			at = child;
			below++;
		}
		const isRest = filter[below] === "#";
		if (isRest && at !== root && visitor.passes(at)) return;
		if (at.hasMessage && (below === filter.length || isRest)) visitor.take(at);
		if (below < filter.length) stack.push({ children: at.children(), depth: below });
	};
	enter(root, 0);
	for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
		const next = frame.children.next();
		if (next.done) {
			stack.pop();
			continue;
		}
		const [name, child] = next.value;
		const { depth } = frame;
		// Wildcards at the beginning do not match topics that begin with $ [MQTT-4.7.2-1].
		if (stack.length > 1 || depth > 0 || name.charCodeAt(0) !== 36) {
			enter(child, filter[depth] === "#" ? depth : depth + 1);
		}
		yield;
	}
}
