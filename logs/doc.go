// Package logs keeps the deliveries of a receiver as a directory of JSON
// files, one record per file, and answers questions about them.
//
// There are two sides. A [Writer] is the one process that appends: a record
// is durable when [Writer.Append] returns. A [Log] reads, in any process and
// any number of them, and [Log.Watch] reports records as they appear.
//
// The directory is the truth. A record file is named
// YYYYMMDD_HHMMSS_<event>.json in UTC, a second one of the same second gets
// _2, then _3, and no file is ever overwritten by another record. Everything
// below the hidden directory .hookctl is a journal or a cache of ours.
//
// A record's way: Append encodes it, gives it its name and hands it to the
// spool, which writes what has gathered in one go and shares one sync among
// all who wait. From then on it survives a crash. The filer makes the record
// file soon after, shows it to readers through the index, and makes it durable
// when the disk has time and notes in the ledger who it is; only then does the
// spool forget it. At the next start whatever is left in the spool becomes files
// in the background, each delivery exactly once. Outcomes of notifications take
// the same way. What of the spool cannot be read back is reported.
//
// The ledger knows the deliveries of the last eight days, pruned ones too, and
// which records have a pending notification. So neither duplicates nor
// notifications depend on the index.
//
// The index is an SQLite file that any process can make again from the
// records, the newest first, while the log stays browsable. What it cannot be
// asked, because it was removed or damaged, is a matter of time and never of
// loss.
//
// Files of the handler that came before, which have only the first four
// keys, are read like any other. A file that is torn or is no record at all
// is reported, see [Log.Problems], and passed over; it never stops a reader.
package logs
