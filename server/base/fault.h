/* fault.h - a place where a test may have the process die, as by kill -9: set MILLRACE_FAULT_POINT
 * to the point's name, or to name@FILE to die there once, while FILE exists (it is removed first).
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

void mr_fault_point(const char *name); /* [thread: any] */

#endif
