// Package unset finds an interface value that holds nothing to call.
package unset

import "reflect"

// Nil reports whether v is nil or holds a nil pointer, map, channel or function. A nil *truetime.Clock
// passed as a truetime.Reader is such a value: it does not equal nil, and panics at the first call
// instead of where it was passed. A nil slice is a value like any other.
func Nil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Chan, reflect.Func:
		return r.IsNil()
	}
	return false
}
