// Package logs keeps the deliveries of a receiver as a directory of JSON
// files, one record per file, and answers questions about them.
//
// There are two sides. A [Writer] is the one process that appends: a record
// is durable when [Writer.Append] returns. A [Log] reads, in any process and
// any number of them, and [Log.Watch] tells of records as they appear.
//
// The directory is the truth. A record file is named
// YYYYMMDD_HHMMSS_<event>.json in UTC, a second one of the same second gets
// _2, then _3, and no file is ever overwritten by another record. Everything
// below the hidden directory .hookctl is a cache or a journal of ours and is
// rebuilt when it is deleted.
//
// Files of the handler that came before, which have only the first four
// keys, are read like any other. A file that is torn or is no record at all
// is reported and passed over; it never stops a reader.
package logs
