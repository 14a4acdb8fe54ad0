package lease

var unmendableCodes []error // its errors are texts
