package truetime

import "strconv"

// name returns the name of a small enumeration value, or its number if it has none.
func name[E ~uint8](value E, names ...string) string {
	if int(value) < len(names) {
		return names[value]
	}
	return strconv.Itoa(int(value))
}
