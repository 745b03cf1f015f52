// Package daemon runs the receiver as a background process.
//
// One home has at most one receiver. An flock on run/receiver.lock decides, never a PID file: the kernel drops
// the lock however the process ends, so nothing stale can ever block a start. Where somebody removes the run directory
// the receiver creates it again, and until then the kernel's list of locks (Linux) names the process. The process that
// holds the lock answers HTTP on the control socket run/receiver.sock, which only its owner may open:
//
//	GET  /status    what the receiver is doing (Status)
//	GET  /rejected  the last requests that it refused (Rejected)
//	POST /reload    read secrets and settings again, and answer with the new status
//	POST /stop      finish what was accepted, then exit
//	POST /handover  give the listening sockets to the next receiver, then stop
//
// The receiver's side is Lock, Instance.Listen and Instance.Serve. The other side is Start, Stop and Restart, which look after
// processes, and Client, which asks questions. Both sides agree on nothing but the home directory, so a receiver that systemd or
// launchd started is spoken to like any other. Start keeps its flags in state/start.json, and Restart uses them again.
//
// A receiver that a supervisor runs (a unit, a launchd job, PM2, supervisord, a container) finds that out when it starts,
// and its status names it. Restart and Stop then go through the supervisor, which would otherwise start the receiver
// again; where they cannot, they fail, and name the command to use.
//
// Service writes the units and jobs that make systemd or launchd run the receiver, and from then on Start, Stop and Restart
// go through that manager. Under systemd the listening socket belongs to a unit of its own, and the receiver reports
// that it is ready, alive and stopping.
//
// Nothing here needs space on the disk: on a full one a receiver starts, restarts and answers.
//
// Restart loses nothing: the new process takes the listening socket over from the old one through SCM_RIGHTS, so
// connections that arrive in between wait in the kernel's queue instead of being refused. On Windows sockets
// cannot be passed that way; there the old receiver stops before the new one binds the port, and for that moment
// connections are refused (GitHub shows those deliveries as failed; catching up fetches them).
package daemon
