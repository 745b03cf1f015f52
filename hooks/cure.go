package hooks

import (
	"cmp"
	"errors"
)

// WithCure adds what a person can do about err, often a command. A nil error stays nil, and the cure nearest to the cause
// wins. [CureOf] finds it again, however often the error has been wrapped since.
func WithCure(err error, cure string) error {
	if err == nil || cure == "" || CureOf(err) != "" {
		return err
	}
	return &cureError{err, cure}
}

// CureOf returns what to do about an error; "" when nothing is known. It understands every error with a method Hint,
// from whichever package it is.
func CureOf(err error) string {
	with, ok := errors.AsType[interface {
		error
		Hint() string
	}](err)
	if !ok {
		return ""
	}
	return cmp.Or(with.Hint(), CureOf(errors.Unwrap(with)))
}

// cureError is an error and its cure.
type cureError struct {
	error
	cure string
}

func (e *cureError) Unwrap() error { return e.error }

// Hint is the cure.
func (e *cureError) Hint() string { return e.cure }

// WithCode adds to an error that another process reported the word by which programs know its kind there, see [Failure]. A nil
// error stays nil. [CodeOf] finds it again.
func WithCode(err error, code string) error {
	if err == nil || code == "" {
		return err
	}
	return &codeError{err, code}
}

// CodeOf returns the code that an error brought along; "" where it brought none. It understands every error with a method Code,
// from whichever package it is.
func CodeOf(err error) string {
	with, ok := errors.AsType[interface {
		error
		Code() string
	}](err)
	if !ok {
		return ""
	}
	return with.Code()
}

// codeError is an error and its code.
type codeError struct {
	error
	code string
}

func (e *codeError) Unwrap() error { return e.error }

// Code is the word for its kind.
func (e *codeError) Code() string { return e.code }

// Failure is an error as programs read it: what a command prints to stderr with --json, and what a tool returns.
type Failure struct {
	Error string `json:"error"`          // clean for a terminal
	Hint  string `json:"hint,omitempty"` // what to do, see [CureOf]
	Code  string `json:"code"`           // one word for its kind, which stays the same when the words change
}
