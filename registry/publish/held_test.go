package publish

import (
	"reflect"
	"testing"
	"time"
)

// fill gives every field that v reaches a value of its own, so that one that is
// not written down, or not read back, shows.
func fill(v reflect.Value, n *int64) {
	*n++
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(*n, *n).UTC()))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.String:
		v.SetString("text \u2028 <&> " + string(rune('a'+*n%26)))
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(uint64(*n % 256))
	case reflect.Int, reflect.Int64:
		v.SetInt(*n)
	case reflect.Bool:
		v.SetBool(true)
	default:
		panic("no value for a " + v.Kind().String())
	}
}

func TestHeldIsReadBackExactly(t *testing.T) {
	full, n := held{}, int64(0)
	fill(reflect.ValueOf(&full).Elem(), &n)
	for name, want := range map[string]held{"every field": full, "none": {}} {
		body, err := want.seal()
		if err != nil {
			t.Fatal(err)
		}
		got, err := openHeld(body)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read back %+v, %v\nwas %+v", name, got, err, want)
		}
	}
	if _, err := openHeld([]byte(`{"Draft":{},"More":1}`)); err == nil {
		t.Error("a body with a member that this version does not know was read as if it had none")
	}
}
