/* Memory for JavaScript. */

#ifndef HEAP_H
#define HEAP_H

#include "quickjs.h"

/* A runtime whose memory is of heap.c; NULL when there is none. There may be one. */
JSRuntime *heap_runtime(void);

#endif
