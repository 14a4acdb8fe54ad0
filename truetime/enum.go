package truetime

import (
	"fmt"
	"slices"
	"strconv"
)

// Enumerations are text for people and for programs: what String returns is what JSON has. A value
// without a name, of a later version, is its number.

// name returns the name of a small enumeration value, or its number if it has none.
func name[E ~uint8](value E, names []string) string {
	if int(value) < len(names) {
		return names[value]
	}
	return strconv.Itoa(int(value))
}

// parseName sets value to the one that has the given name or number.
func parseName[E ~uint8](value *E, text []byte, names []string) error {
	if i := slices.Index(names, string(text)); i >= 0 {
		*value = E(i)
		return nil
	}
	number, err := strconv.ParseUint(string(text), 10, 8)
	if err != nil {
		return fmt.Errorf("truetime: %.80q is none of %q", text, names)
	}
	*value = E(number)
	return nil
}
