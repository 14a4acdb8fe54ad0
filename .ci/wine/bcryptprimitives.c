/* Wine 8.0 has no bcryptprimitives.dll, of which Go needs one function (runtime/os_windows.go). */
#include <windows.h>
BOOLEAN WINAPI SystemFunction036(PVOID, ULONG); /* RtlGenRandom, of advapi32.dll */
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size) { return SystemFunction036(data, (ULONG)size); }
